// A tenant for the tests: the longest name that there may be, a private network that nothing from outside may reach, and
// a subscription where custom roles are not allowed.
using '../../../infra/main.bicep'

param tenantName = 'closed-and-long-name'
param azureTenantId = '11111111-1111-4111-8111-111111111111'
param azureSubscriptionId = '22222222-2222-4222-8222-222222222222'
param resourceGroupName = 'rg-attachdrop-closed-and-long-name'
param location = 'westeurope'

param mailboxScopeGroup = 'attachment-drop-mailboxes@example.com'
// validate refuses this one; here it shows that the templates' own values win all the same
param extraSettings = {
  RANGE_BYTES: '1'
}

param uploaders = [
  {
    principalId: '33333333-3333-4333-8333-333333333333'
    principalType: 'Group'
  }
]
param uploaderRole = 'contributor'
param privateNetwork = true

param alertEmails = [
  'messaging-operations@example.com'
]
