// What all tenants have in common. A tenant's own file extends this one and may override any line of it.
// Needs Bicep 0.44.1 or newer (az bicep upgrade).
using none

param extraTags = {
  owner: 'messaging-platform'
}

param alertEmails = [
  'messaging-operations@example.com'
]

param instanceMemoryMB = 2048
param maximumInstanceCount = 40
param softDeleteDays = 7
param logRetentionDays = 30
