// The customer's account: files are dropped here, checkpoints and the work queues live beside them, and Event Grid puts
// what it could not deliver into a container of its own. Results never go into the drop container: every write there
// raises BlobCreated again.

import { tagsByName } from 'types.bicep'

param name string
param location string
param tags tagsByName

@description('Standard_LRS, Standard_ZRS, Standard_GRS, ...')
param redundancy string

param dropContainer string
param checkpointContainer string
param deadLetterContainer string

@description('Names of the queues that the app writes to or reads from.')
param queues string[]

@description('Days a deleted or overwritten blob and a deleted container can be brought back; 0 keeps nothing.')
param softDeleteDays int

@description('True: reachable through private endpoints, and from allowedIpRanges when there are any.')
param isPrivate bool

@description('Public addresses (IPv4, or CIDR up to /30) that may reach the account. Empty: any, or none when private.')
param allowedIpRanges string[]

var hasAllowedIpRanges = !empty(allowedIpRanges)
var isSoftDeleteOn = softDeleteDays > 0
var softDelete = isSoftDeleteOn ? { enabled: true, days: softDeleteDays } : { enabled: false }

resource account 'Microsoft.Storage/storageAccounts@2025-08-01' = {
  // checkov:skip=CKV_AZURE_35: denies where privateNetwork or dropIpRanges say so; else Microsoft Entra alone guards it
  // checkov:skip=CKV_AZURE_206: dataRedundancy decides; three zones by default, because another region costs twice as much
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: redundancy
  }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: isPrivate && !hasAllowedIpRanges ? 'Disabled' : 'Enabled'
    networkAcls: {
      // AzureServices lets Event Grid's own identity write dead letters through the firewall.
      bypass: 'AzureServices'
      defaultAction: isPrivate || hasAllowedIpRanges ? 'Deny' : 'Allow'
      ipRules: [
        for address in allowedIpRanges: {
          value: address
          action: 'Allow'
        }
      ]
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-08-01' = {
  parent: account
  name: 'default'
  properties: {
    // Soft delete keeps a file that a person deleted too early. Old states of a checkpoint are kept with it; an upload URL
    // inside one is dead by then, because a transfer ends only after its session was finished or cancelled.
    deleteRetentionPolicy: softDelete
    containerDeleteRetentionPolicy: softDelete
    // Versions would keep one more copy of every checkpoint write.
    isVersioningEnabled: false
  }
}

resource containers 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-08-01' = [
  for container in [dropContainer, checkpointContainer, deadLetterContainer]: {
    parent: blobs
    name: container
  }
]

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2025-08-01' = {
  parent: account
  name: 'default'
}

resource queueResources 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-08-01' = [
  for queue in queues: {
    parent: queueService
    name: queue
  }
]

output id string = account.id
output name string = account.name
