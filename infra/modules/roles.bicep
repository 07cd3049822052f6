// Who may do what, and why: each assignment carries its reason into Azure, and docs/deploy.md prints them as a table.
// Names are guid(scope, the resource that has the identity, role): a rerun finds its own assignments instead of making new
// ones, and what-if knows them before the identity exists. The price: an identity that was deleted and made anew leaves
// assignments behind under these names, and Azure refuses to change their principal (RoleAssignmentUpdateNotPermitted);
// infra/deployer/orphaned_roles.py knows the names, and takes them away.
// principalType is always given: without it a principal that is minutes old may not be found.

import { uploader } from 'types.bicep'

@description('Name of the app\'s identity.')
param appIdentityName string

@description('Name of the Event Grid system topic.')
param topicName string

@description('People, groups and applications that may drop files: [{ principalId, principalType }].')
param uploaders uploader[]

@description('addAndWrite: uploaders get a role of this deployment\'s own; contributor: Azure\'s built-in one.')
param uploaderRole 'addAndWrite' | 'contributor'

@description('People and pipelines that run verify: [{ principalId, principalType }].')
param verifiers uploader[]

param hostStorageName string
param dataStorageName string
param dropContainer string
param checkpointContainer string
param deadLetterContainer string
param componentName string

@description('True when SOURCE_ON_SUCCESS is delete: the app then needs the right to delete dropped files.')
param appDeletesSources bool

var blobDataOwner = 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
var blobDataContributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
var blobDataReader = '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1'
var queueDataContributor = '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
var tableDataContributor = '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
var monitoringMetricsPublisher = '3913510d-42f4-4e42-8a64-420c390055eb'

// Worked out in the same way by infra/deployer/container_roles.py.
var dropWriter = guid(resourceGroup().id, 'drop-writer')
var hasOwnUploaderRole = uploaderRole == 'addAndWrite'
var uploaderRoleOnDrops = hasOwnUploaderRole ? dropWriter : blobDataContributor
var blobActions = 'Microsoft.Storage/storageAccounts/blobServices/containers/blobs'

var appRoleOnDrops = appDeletesSources ? blobDataContributor : blobDataReader

resource hostStorage 'Microsoft.Storage/storageAccounts@2025-08-01' existing = {
  name: hostStorageName
}

resource dataStorage 'Microsoft.Storage/storageAccounts@2025-08-01' existing = {
  name: dataStorageName
}

resource dataBlobs 'Microsoft.Storage/storageAccounts/blobServices@2025-08-01' existing = {
  parent: dataStorage
  name: 'default'
}

resource drops 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-08-01' existing = {
  parent: dataBlobs
  name: dropContainer
}

resource checkpoints 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-08-01' existing = {
  parent: dataBlobs
  name: checkpointContainer
}

resource deadLetters 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-08-01' existing = {
  parent: dataBlobs
  name: deadLetterContainer
}

resource appIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: appIdentityName
}

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: topicName
}

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: componentName
}

resource appHostBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(hostStorage.id, appIdentityName, blobDataOwner)
  scope: hostStorage
  properties: {
    description: 'The Functions host reads the code package and keeps its leases and keys here; it asks for Owner by name.'
    principalId: appIdentity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataOwner)
  }
}

resource appHostQueues 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(hostStorage.id, appIdentityName, queueDataContributor)
  scope: hostStorage
  properties: {
    description: 'The blob trigger\'s webhook puts every event on a queue of this account and the workers take it from there.'
    principalId: appIdentity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', queueDataContributor)
  }
}

resource appHostTables 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(hostStorage.id, appIdentityName, tableDataContributor)
  scope: hostStorage
  properties: {
    description: 'The Functions host writes its diagnostic events to a table.'
    principalId: appIdentity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', tableDataContributor)
  }
}

resource appDrops 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(drops.id, appIdentityName, appRoleOnDrops)
  scope: drops
  properties: {
    description: 'The app reads dropped files; it may delete them only where SOURCE_ON_SUCCESS is delete.'
    principalId: appIdentity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', appRoleOnDrops)
  }
}

resource appCheckpoints 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(checkpoints.id, appIdentityName, blobDataContributor)
  scope: checkpoints
  properties: {
    description: 'The app writes one checkpoint per transfer, holds leases here, and removes its own markers.'
    principalId: appIdentity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataContributor)
  }
}

resource appQueues 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(dataStorage.id, appIdentityName, queueDataContributor)
  scope: dataStorage
  properties: {
    description: 'The app sends and takes continuations; the host writes poison messages here and makes their queues when missing.'
    principalId: appIdentity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', queueDataContributor)
  }
}

resource appTelemetry 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(component.id, appIdentityName, monitoringMetricsPublisher)
  scope: component
  properties: {
    description: 'Application Insights takes Microsoft Entra tokens only; without this role every log line is dropped silently.'
    principalId: appIdentity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', monitoringMetricsPublisher)
  }
}

resource topicDeadLetters 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(deadLetters.id, topicName, blobDataContributor)
  scope: deadLetters
  properties: {
    description: 'Event Grid writes the events that it could not deliver, and nothing else.'
    principalId: topic.identity.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataContributor)
  }
}

// Azure has no built-in role that writes blobs and does not read or delete them.
resource uploaderDefinition 'Microsoft.Authorization/roleDefinitions@2022-04-01' = if (hasOwnUploaderRole) {
  name: dropWriter
  properties: {
    // Unique within the Microsoft Entra tenant, which may have other deployments.
    roleName: 'Attachment Drop uploader (${uniqueString(resourceGroup().id)})'
    description: 'Writes files into the drop container of Outlook Attachment Drop; reads, lists and deletes none.'
    type: 'CustomRole'
    permissions: [
      {
        actions: []
        notActions: []
        dataActions: [
          '${blobActions}/add/action'
          '${blobActions}/write'
        ]
        notDataActions: []
      }
    ]
    assignableScopes: [
      resourceGroup().id
    ]
  }
}

resource uploaderRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for uploader in uploaders: {
    name: guid(drops.id, uploader.principalId, uploaderRoleOnDrops)
    scope: drops
    properties: {
      description: 'Named in the tenant file as one who may drop files.'
      principalId: uploader.principalId
      principalType: uploader.principalType
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', uploaderRoleOnDrops)
    }
    dependsOn: [
      uploaderDefinition
    ]
  }
]

resource verifierRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for verifier in verifiers: {
    name: guid(drops.id, verifier.principalId, blobDataContributor)
    scope: drops
    properties: {
      description: 'Named in the tenant file as one who runs verify, which takes its probe files away again.'
      principalId: verifier.principalId
      principalType: verifier.principalType
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataContributor)
    }
  }
]

// What the deployer compares with what there is: Azure keeps an assignment that a template no longer names.
@description('Ids of the assignments to the app and to Event Grid on the data account\'s containers.')
output ownContainerAssignments string[] = [
  appDrops.id
  appCheckpoints.id
  topicDeadLetters.id
]

output uploaderAssignments string[] = [for (uploader, index) in uploaders: uploaderRoles[index].id]
output verifierAssignments string[] = [for (verifier, index) in verifiers: verifierRoles[index].id]
