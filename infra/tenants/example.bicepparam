// An example tenant: copy it to <tenant>.bicepparam, replace every value, and run `infra/deploy.sh validate <tenant>`.
// Only literal values, so that the file can be read and checked without a compiler.
using '../main.bicep'
extends 'shared.bicepparam'

// Where
param tenantName = 'example'
param azureTenantId = '11111111-1111-4111-8111-111111111111'
param azureSubscriptionId = '22222222-2222-4222-8222-222222222222'
param resourceGroupName = 'rg-attachdrop-example'
param location = 'westeurope'

// Mailboxes: the group bounds what the identity may reach; the two addresses prove it.
param mailboxScopeGroup = 'attachment-drop-mailboxes@example.com'
param reachableMailbox = 'orders@example.com'
param refusedMailbox = 'director@example.com'
param allowedMailboxes = [
  '@example.com'
]

// Who may drop files
param uploaders = [
  {
    principalId: '33333333-3333-4333-8333-333333333333'
    principalType: 'Group'
  }
]
