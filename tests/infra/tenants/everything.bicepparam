// A tenant with everything turned on, for the tests: what is optional is given, and nothing is left at its default.
using '../../../infra/main.bicep'

param tenantName = 'everything'
param azureTenantId = '11111111-1111-4111-8111-111111111111'
param azureSubscriptionId = '22222222-2222-4222-8222-222222222222'
param resourceGroupName = 'rg-attachdrop-everything'
param location = 'swedencentral'
param extraTags = {
  owner: 'messaging-platform'
}

param allowedMailboxes = [
  '@example.com'
  'orders@example.net'
]
param mailboxScopeGroup = 'attachment-drop-mailboxes@example.com'
param reachableMailbox = 'orders@example.com'
param refusedMailbox = 'director@example.com'
param graphTenantId = '55555555-5555-4555-8555-555555555555'
param graphAppId = '66666666-6666-4666-8666-666666666666'

param graphScope = 'https://graph.microsoft.com/.default'
param graphUploadHosts = [
  'outlook.office.com'
  'outlook.office365.com'
]
param dropContainer = 'incoming'
param checkpointContainer = 'state'
param transferQueue = 'work'
param outcomeQueue = 'outcomes'
param sourceOnSuccess = 'delete'
param mailboxBytes = 'limit'
param sameFile = 'again'
param rangeBytes = 3276800
param runBudgetSeconds = 300
param targetWaitSeconds = 1200
param accessWaitSeconds = 14400
param extraSettings = {
  AzureFunctionsJobHost__extensions__blobs__maxDegreeOfParallelism: '2'
  OTEL_SERVICE_NAME: 'attachment-drop'
}
param instanceMemoryMB = 4096
param maximumInstanceCount = 100
param alwaysReadyBlobInstances = 2

param dataRedundancy = 'Standard_GZRS'
param uploaders = [
  {
    principalId: '33333333-3333-4333-8333-333333333333'
    principalType: 'Group'
  }
  {
    principalId: '77777777-7777-4777-8777-777777777777'
    principalType: 'ServicePrincipal'
  }
]
param verifiers = [
  {
    principalId: '88888888-8888-4888-8888-888888888888'
    principalType: 'User'
  }
]
param dropRetentionDays = 60
param softDeleteDays = 14
param deadLetterRetentionDays = 90

param privateNetwork = true
param networkPrefix = '10.91.0.0/24'
param dropIpRanges = [
  '203.0.113.0/24'
]
param apiIpRanges = [
  '198.51.100.0/24'
]

param alertEmails = [
  'messaging-operations@example.com'
  'night-shift@example.com'
]
param logRetentionDays = 90
param monthlyBudget = 50
param budgetStartDate = '2026-12-01'
