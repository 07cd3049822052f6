// Everything that one tenant's deployment consists of, except the event subscription (subscription.bicep), which can only
// follow the code. Values come from tenants/<tenant>.bicepparam; names and tags are made here and nowhere else.
targetScope = 'resourceGroup'

import { uploader, settingsByName, tagsByName } from 'modules/types.bicep'

// --- Where ------------------------------------------------------------------------------------------------------------

@description('Short name of the tenant: part of every resource name, the name of its parameter file and of its GitHub environment.')
@minLength(2)
@maxLength(20)
param tenantName string

@description('Microsoft Entra tenant that owns the subscription. The deployment refuses to run anywhere else.')
@minLength(36)
@maxLength(36)
param azureTenantId string

@description('Azure subscription. The deployment refuses to run anywhere else.')
@minLength(36)
@maxLength(36)
param azureSubscriptionId string

@description('Resource group, used for this deployment alone. The deployment refuses to run anywhere else.')
param resourceGroupName string

@description('Azure region with Flex Consumption (az functionapp list-flexconsumption-locations).')
param location string

@description('Tags of every resource, beside the ones that are always set.')
param extraTags tagsByName = {}

// --- Mailboxes --------------------------------------------------------------------------------------------------------

@description('Addresses, object ids or @domains that the app may write to; empty: whatever its identity may reach.')
param allowedMailboxes string[] = []

@description('Mail-enabled security group whose members\' mailboxes the identity may reach. For the mailbox runbook.')
param mailboxScopeGroup string

@description('A mailbox in that group; verify checks that it is reached. Empty: not checked.')
param reachableMailbox string = ''

@description('A mailbox outside that group; verify checks that it is refused. Empty: not checked.')
param refusedMailbox string = ''

@description('Only when the mailboxes are in another tenant than the identity: that tenant.')
param graphTenantId string = ''

@description('Only together with graphTenantId: client id of the multi-tenant application in the identity\'s home tenant.')
param graphAppId string = ''

// --- The app ----------------------------------------------------------------------------------------------------------

@description('Root of Microsoft Graph, with its version.')
param graphBaseUrl string = 'https://graph.microsoft.com/v1.0'

@description('Token scope; empty: the origin of graphBaseUrl and /.default.')
param graphScope string = ''

@description('Hosts that an upload session may point to; empty: the Outlook hosts that the app knows.')
param graphUploadHosts string[] = []

@description('Container where files arrive.')
param dropContainer string = 'drop'

@description('Container with one JSON blob per transfer.')
param checkpointContainer string = 'checkpoints'

@description('Queue of continuations.')
param transferQueue string = 'transfers'

@description('Queue that gets one message for each transfer that ends; empty: none.')
param outcomeQueue string = ''

@description('What happens to a dropped file once its outcome is durable.')
@allowed(['keep', 'delete'])
param sourceOnSuccess string = 'keep'

@description('Whether a mailbox is held to 150 MB in five minutes: learn keeps to it once Outlook has refused for it.')
@allowed(['learn', 'limit', 'off'])
param mailboxBytes string = 'learn'

@description('Whether a file is attached again when only its metadata were written since it was attached.')
@allowed(['once', 'again'])
param sameFile string = 'once'

@description('Bytes of one upload request.')
@minValue(327680)
@maxValue(4194304)
param rangeBytes int = 4194304

@description('Seconds after which a run hands over to the next one; 0: worked out from host.json.')
@minValue(0)
@maxValue(86400)
param runBudgetSeconds int = 0

@description('Seconds that a target that does not exist yet is waited for; a week at most.')
@minValue(0)
@maxValue(604800)
param targetWaitSeconds int = 600

@description('Seconds that refused rights and tokens are waited out; Exchange caches permissions for up to two hours.')
@minValue(0)
@maxValue(604800)
param accessWaitSeconds int = 7200

@description('More app settings by name, such as OpenTelemetry\'s or overrides of host.json (AzureFunctionsJobHost__...).')
param extraSettings settingsByName = {}

@description('Memory of one instance in MB. 2048 has one core.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@description('Most instances of each function group. Some regions still refuse less than 40.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('Instances kept warm for dropped files. They cost money while idle; 0 means a cold start after a quiet time.')
@minValue(0)
@maxValue(20)
param alwaysReadyBlobInstances int = 0

// --- Storage ----------------------------------------------------------------------------------------------------------

@description('Copies of the dropped files: within one building, three zones, or two regions.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
param dataRedundancy string = 'Standard_ZRS'

@description('People, groups and applications that may drop files: [{ principalId, principalType: User|Group|ServicePrincipal }].')
param uploaders uploader[] = []

@description('addAndWrite: uploaders can add and overwrite files, through a role that the deployment makes; contributor: where custom roles are not allowed, they can also read, list and delete everybody\'s files.')
@allowed(['addAndWrite', 'contributor'])
param uploaderRole string = 'addAndWrite'

@description('People and pipelines that run verify: [{ principalId, principalType }]. They may read and delete dropped files, too.')
param verifiers uploader[] = []

@description('Days after which a dropped file is deleted; 0: never.')
@minValue(0)
@maxValue(36500)
param dropRetentionDays int = 0

@description('Days a deleted or overwritten blob can be brought back; 0: none.')
@minValue(0)
@maxValue(365)
param softDeleteDays int = 7

@description('Days Event Grid\'s dead letters are kept.')
@minValue(1)
@maxValue(36500)
param deadLetterRetentionDays int = 30

// --- Network ----------------------------------------------------------------------------------------------------------

@description('True: a virtual network with private endpoints for both storage accounts.')
param privateNetwork bool = false

@description('Address space of that network, /25 or larger.')
param networkPrefix string = '10.90.0.0/24'

@description('Public IPv4 addresses or ranges that may reach the data account; empty: all, or none with privateNetwork.')
param dropIpRanges string[] = []

@description('CIDR ranges that may call the HTTP functions; empty: any caller with a key.')
param apiIpRanges string[] = []

// --- Watching ---------------------------------------------------------------------------------------------------------

@description('Who gets the alerts\' mail.')
@minLength(1)
param alertEmails string[]

@description('Days that logs are kept.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 30

@description('Monthly budget in the billing currency; 0: no budget.')
@minValue(0)
@maxValue(10000000)
param monthlyBudget int = 0

@description('First day of the month in which the budget is made (YYYY-MM-01). Leave it as it is afterwards.')
param budgetStartDate string = ''

// --- Names and tags, made here and nowhere else -----------------------------------------------------------------------

var isRightPlace = subscription().tenantId == azureTenantId && subscription().subscriptionId == azureSubscriptionId && resourceGroup().name == resourceGroupName
var place = isRightPlace
  ? resourceGroup().id
  : fail('These parameters belong to resource group ${resourceGroupName} of subscription ${azureSubscriptionId} in tenant ${azureTenantId}; nothing was deployed.')
var token = uniqueString(place, tenantName)
var stem = 'attachdrop-${tenantName}'

// Modules get the names of what they refer to from here, not from another module's outputs: what-if leaves out every
// resource whose name is known only while the deployment runs.
var names = {
  identity: 'id-${stem}'
  workspace: 'log-${stem}'
  component: 'appi-${stem}'
  hostStorage: 'sthost${token}'
  dataStorage: 'stdrop${token}'
  topic: 'evgt-${stem}'
  network: 'vnet-${stem}'
  plan: 'asp-${stem}'
  app: 'func-${stem}-${take(token, 5)}'
  budget: 'budget-${stem}'
  packageContainer: 'packages'
  deadLetterContainer: 'deadletters'
}

var tags = union(extraTags, {
  product: 'outlook-attachment-drop'
  tenant: tenantName
  'azd-env-name': tenantName
})

// --- Resources --------------------------------------------------------------------------------------------------------

module identity 'modules/identity.bicep' = {
  params: {
    name: names.identity
    location: location
    tags: tags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  params: {
    workspaceName: names.workspace
    componentName: names.component
    location: location
    tags: tags
    retentionDays: logRetentionDays
  }
}

module hostStorage 'modules/host-storage.bicep' = {
  params: {
    name: names.hostStorage
    location: location
    tags: tags
    redundancy: 'Standard_LRS'
    packageContainer: names.packageContainer
    isPrivate: privateNetwork
  }
}

module dataStorage 'modules/data-storage.bicep' = {
  params: {
    name: names.dataStorage
    location: location
    tags: tags
    redundancy: dataRedundancy
    dropContainer: dropContainer
    checkpointContainer: checkpointContainer
    deadLetterContainer: names.deadLetterContainer
    queues: concat(
      [transferQueue, '${transferQueue}-poison', 'webjobs-blobtrigger-poison'],
      empty(outcomeQueue) ? [] : [outcomeQueue]
    )
    softDeleteDays: softDeleteDays
    isPrivate: privateNetwork
    allowedIpRanges: dropIpRanges
  }
}

module lifecycle 'modules/lifecycle.bicep' = {
  dependsOn: [dataStorage]
  params: {
    storageAccountName: names.dataStorage
    dropContainer: dropContainer
    deadLetterContainer: names.deadLetterContainer
    dropRetentionDays: dropRetentionDays
    deadLetterRetentionDays: deadLetterRetentionDays
  }
}

module events 'modules/events.bicep' = {
  dependsOn: [dataStorage]
  params: {
    topicName: names.topic
    location: location
    tags: tags
    dataStorageName: names.dataStorage
  }
}

module network 'modules/network.bicep' = if (privateNetwork) {
  dependsOn: [hostStorage, dataStorage]
  params: {
    name: names.network
    location: location
    tags: tags
    addressPrefix: networkPrefix
    appSubnetPrefix: cidrSubnet(networkPrefix, 26, 0)
    endpointSubnetPrefix: cidrSubnet(networkPrefix, 26, 1)
    hostStorageName: names.hostStorage
    dataStorageName: names.dataStorage
  }
}

module roles 'modules/roles.bicep' = {
  dependsOn: [identity, events, hostStorage, dataStorage, monitoring]
  params: {
    appIdentityName: names.identity
    topicName: names.topic
    uploaders: uploaders
    uploaderRole: uploaderRole
    verifiers: verifiers
    hostStorageName: names.hostStorage
    dataStorageName: names.dataStorage
    dropContainer: dropContainer
    checkpointContainer: checkpointContainer
    deadLetterContainer: names.deadLetterContainer
    componentName: names.component
    appDeletesSources: sourceOnSuccess == 'delete'
  }
}

// The app's own settings that differ between tenants; what follows from names is added by the module. A setting without
// a value is left out, so that the app's default holds.
// The last part wins where two name the same: nothing here can be overridden by extraSettings.
var productSettings = union(
  extraSettings,
  {
    DROP_CONTAINER: dropContainer
    CHECKPOINT_CONTAINER: checkpointContainer
    TRANSFER_QUEUE: transferQueue
    GRAPH_BASE_URL: graphBaseUrl
    RANGE_BYTES: string(rangeBytes)
    TARGET_WAIT_SECONDS: string(targetWaitSeconds)
    ACCESS_WAIT_SECONDS: string(accessWaitSeconds)
    SOURCE_ON_SUCCESS: sourceOnSuccess
    MAILBOX_BYTES: mailboxBytes
    SAME_FILE: sameFile
  },
  empty(graphScope) ? {} : { GRAPH_SCOPE: graphScope },
  empty(graphUploadHosts) ? {} : { GRAPH_UPLOAD_HOSTS: join(graphUploadHosts, ',') },
  empty(allowedMailboxes) ? {} : { ALLOWED_MAILBOXES: join(allowedMailboxes, ',') },
  empty(outcomeQueue) ? {} : { OUTCOME_QUEUE: outcomeQueue },
  empty(graphTenantId) ? {} : { GRAPH_TENANT_ID: graphTenantId, GRAPH_APP_ID: graphAppId },
  runBudgetSeconds == 0 ? {} : { RUN_BUDGET_SECONDS: string(runBudgetSeconds) }
)

module app 'modules/function-app.bicep' = {
  // A first deployment of code fails where the identity may not read the package container yet.
  dependsOn: [identity, roles, hostStorage, dataStorage, monitoring]
  params: {
    appName: names.app
    planName: names.plan
    location: location
    tags: tags
    identityName: names.identity
    hostStorageName: names.hostStorage
    packageContainer: names.packageContainer
    dataStorageName: names.dataStorage
    componentName: names.component
    productSettings: productSettings
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    alwaysReadyBlobInstances: alwaysReadyBlobInstances
    subnetId: privateNetwork ? network!.outputs.appSubnetId : ''
    apiIpRanges: apiIpRanges
  }
}

module diagnostics 'modules/diagnostics.bicep' = {
  dependsOn: [app, dataStorage, events]
  params: {
    workspaceId: monitoring.outputs.workspaceId
    appName: names.app
    dataStorageName: names.dataStorage
    topicName: names.topic
  }
}

module alerts 'modules/alerts.bicep' = {
  params: {
    namePrefix: stem
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    deadLetterContainer: names.deadLetterContainer
    // An hour more than the longest wait that is meant: for a target, or for rights.
    stuckSeconds: max(targetWaitSeconds, accessWaitSeconds) + 3600
    emails: alertEmails
  }
}

module budget 'modules/budget.bicep' = if (monthlyBudget > 0) {
  params: {
    name: names.budget
    monthlyAmount: max(monthlyBudget, 1) // the condition rules 0 out, which the compiler does not see
    startDate: budgetStartDate
    contactEmails: alertEmails
  }
}

// --- What the next steps need to know; none of it is secret -----------------------------------------------------------

output appName string = app.outputs.name
output hostName string = app.outputs.hostName
output topicName string = events.outputs.name
output dataStorageName string = dataStorage.outputs.name
output hostStorageName string = hostStorage.outputs.name
output dropContainer string = dropContainer
output checkpointContainer string = checkpointContainer
output deadLetterContainer string = names.deadLetterContainer
output identityClientId string = identity.outputs.clientId
output identityPrincipalId string = identity.outputs.principalId

@description('Every role assignment on the data account\'s containers that this deployment made; the deployer takes the others back.')
output containerRoleAssignments string[] = concat(
  roles.outputs.ownContainerAssignments,
  roles.outputs.uploaderAssignments,
  roles.outputs.verifierAssignments
)

@description('For the mailbox runbook and for verify.')
output mailboxAccess { scopeGroup: string, reachable: string, refused: string } = {
  scopeGroup: mailboxScopeGroup
  reachable: reachableMailbox
  refused: refusedMailbox
}
