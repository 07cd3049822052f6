// The app on Flex Consumption. Its settings are written in one piece with the site (siteConfig.appSettings), so there is
// never a moment in which the app runs without them. Code arrives later, as a package in the host account.

import { settingsByName, tagsByName } from 'types.bicep'

param appName string
param planName string
param location string
param tags tagsByName

@description('Name of the user-assigned identity.')
param identityName string

param hostStorageName string
param packageContainer string

param dataStorageName string

@description('The Application Insights component.')
param componentName string

@description('The tenant\'s settings of the app as name: value.')
param productSettings settingsByName

@allowed([512, 2048, 4096])
param instanceMemoryMB int

param maximumInstanceCount int

@description('Instances kept warm for the blob trigger; they are paid for while idle.')
param alwaysReadyBlobInstances int

@description('Resource id of the delegated subnet; empty: no virtual network.')
param subnetId string

@description('CIDR ranges that may call the HTTP functions; empty: any caller with a key. Event Grid always may.')
param apiIpRanges string[]

// HTTP functions have instances of their own on Flex Consumption, so all of a worker's threads are theirs.
var workerThreads = 16
var httpConcurrency = workerThreads

var storageSuffix = environment().suffixes.storage

// What follows from the names of other resources. The plain settings AzureWebJobsStorage and DropStorage stay absent: an
// empty string would count as a connection string.
var platformSettings = [
  {
    name: 'AzureWebJobsStorage__credential'
    value: 'managedidentity'
  }
  {
    name: 'AzureWebJobsStorage__clientId'
    value: identity.properties.clientId
  }
  {
    name: 'DropStorage__blobServiceUri'
    value: 'https://${dataStorageName}.blob.${storageSuffix}'
  }
  {
    // Without it the blob trigger sends poison messages to the blob endpoint, and the host stops.
    name: 'DropStorage__queueServiceUri'
    value: 'https://${dataStorageName}.queue.${storageSuffix}'
  }
  {
    name: 'DropStorage__credential'
    value: 'managedidentity'
  }
  {
    name: 'DropStorage__clientId'
    value: identity.properties.clientId
  }
  {
    name: 'GRAPH_CLIENT_ID'
    value: identity.properties.clientId
  }
  {
    // The host takes 100 MB of any caller by default. Event Grid sends at most 1 MB (its documentation), the API's callers
    // some kilobytes. The setting is in Microsoft's reference of app settings; that Flex Consumption heeds it was not tried.
    name: 'FUNCTIONS_REQUEST_BODY_SIZE_LIMIT'
    value: '2097152'
  }
  {
    // The polling trigger does not exist on Flex Consumption.
    name: 'BLOB_TRIGGER_SOURCE'
    value: 'EventGrid'
  }
  {
    // Python's own default, cores and 4 more, is less than host.json lets run at once where functions share an instance.
    name: 'PYTHON_THREADPOOL_THREAD_COUNT'
    value: string(workerThreads)
  }
  {
    name: 'APPLICATIONINSIGHTS_CONNECTION_STRING'
    value: component.properties.ConnectionString
  }
  {
    name: 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING'
    value: 'ClientId=${identity.properties.clientId};Authorization=AAD'
  }
]

// The account's name rather than its endpoints: with endpoints alone the host sometimes starts without a token. The host
// completes a name with the public cloud's suffix, so that another cloud needs the endpoints after all.
var hostStorageSettings = environment().name == 'AzureCloud'
  ? [
      {
        name: 'AzureWebJobsStorage__accountName'
        value: hostStorageName
      }
    ]
  : hostStorageByEndpoints

var hostStorageByEndpoints = [
  for service in ['blob', 'queue', 'table']: {
    name: 'AzureWebJobsStorage__${service}ServiceUri'
    value: 'https://${hostStorageName}.${service}.${storageSuffix}'
  }
]

var tenantSettings = [
  for setting in items(productSettings): {
    name: setting.key
    value: setting.value
  }
]

var hasApiIpRanges = !empty(apiIpRanges)

var callerRules = [
  for (address, index) in apiIpRanges: {
    name: 'caller-${index}'
    action: 'Allow'
    priority: 200 + index
    ipAddress: address
  }
]

var eventGridRule = [
  {
    name: 'event-grid'
    action: 'Allow'
    priority: 100
    tag: 'ServiceTag'
    ipAddress: 'AzureEventGrid'
  }
]

// Settings want its client id, functionAppConfig its resource id.
resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: identityName
}

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: componentName
}

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  // checkov:skip=CKV_AZURE_225: zones are a choice of the region and cost always-ready instances; queues outlive a zone
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
  }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  // checkov:skip=CKV_AZURE_17: callers are known by function key; Event Grid has no client certificate to show
  // checkov:skip=CKV_AZURE_18: Flex Consumption's front end decides about HTTP/2
  // checkov:skip=CKV_AZURE_67: Flex Consumption's front end decides about HTTP/2
  // checkov:skip=CKV_AZURE_78: Flex Consumption has no FTP, and refuses ftpsState
  // checkov:skip=CKV_AZURE_212: Flex Consumption scales to zero; a queue holds the work meanwhile
  // checkov:skip=CKV_AZURE_213: Flex Consumption does not support healthCheckPath; GET /api/health and the alerts watch
  // checkov:skip=CKV_AZURE_222: Event Grid cannot deliver to a private app
  name: appName
  location: location
  // azd finds the site by this tag; plain az ignores it.
  tags: union(tags, { 'azd-service-name': 'app' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    // Event Grid cannot deliver through a private endpoint: the webhook stays publicly reachable, guarded by its key.
    publicNetworkAccess: 'Enabled'
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: 'https://${hostStorageName}.blob.${environment().suffixes.storage}/${packageContainer}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identity.id
          }
        }
      }
      runtime: {
        name: 'python'
        version: '3.13'
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        triggers: {
          http: {
            // Without it Flex Consumption sends a Python instance one request at a time, and starts another instance for
            // the second. The HTTP functions wait for storage most of the time: as many at once as the worker has threads.
            perInstanceConcurrency: httpConcurrency
          }
        }
        alwaysReady: alwaysReadyBlobInstances > 0 ? [{ name: 'blob', instanceCount: alwaysReadyBlobInstances }] : []
      }
    }
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      ipSecurityRestrictions: hasApiIpRanges ? concat(eventGridRule, callerRules) : []
      ipSecurityRestrictionsDefaultAction: hasApiIpRanges ? 'Deny' : 'Allow'
      // Deployments come from runners whose addresses change; they sign in with Microsoft Entra.
      scmIpSecurityRestrictionsUseMain: false
      scmIpSecurityRestrictionsDefaultAction: 'Allow'
      appSettings: concat(hostStorageSettings, platformSettings, tenantSettings)
    }
  }
}

// User name and password for publishing are off; Microsoft Entra is the only way in.
resource ftpPasswords 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'ftp'
  properties: {
    allow: false
  }
}

resource scmPasswords 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'scm'
  properties: {
    allow: false
  }
}

output name string = app.name
output hostName string = app.properties.defaultHostName
