// The Functions host's own account: the code package, leases, host keys, and the queue that the blob trigger's webhook
// writes to. Nothing of the customer's lives here, and no lifecycle rule does either: a rule that deleted a lease, a key
// or the package would stop the app.

import { tagsByName } from 'types.bicep'

param name string
param location string
param tags tagsByName

@description('Standard_LRS, Standard_ZRS, ...: everything here can be made again by a deployment.')
param redundancy string

@description('Container of the code package. The app downloads it at every cold start.')
param packageContainer string

@description('True: reachable through private endpoints only.')
param isPrivate bool

resource account 'Microsoft.Storage/storageAccounts@2025-08-01' = {
  // checkov:skip=CKV_AZURE_35: denies with privateNetwork; without a network the app has no fixed addresses to allow
  // checkov:skip=CKV_AZURE_206: nothing here is worth a second region, a deployment makes it again
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
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
    networkAcls: {
      // A Flex Consumption app has no fixed addresses outside a virtual network: without one, Microsoft Entra alone guards
      // the account.
      bypass: 'AzureServices'
      defaultAction: isPrivate ? 'Deny' : 'Allow'
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-08-01' = {
  parent: account
  name: 'default'
  properties: {
    // No versions and no soft delete: leases and keys are rewritten all the time, and every old state would be kept.
    isVersioningEnabled: false
  }
}

resource packages 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-08-01' = {
  parent: blobs
  name: packageContainer
}

output id string = account.id
output name string = account.name
