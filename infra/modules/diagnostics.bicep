// What the platform itself writes down. Reads are left out on purpose: every range of every file would become a log line.

param workspaceId string
param appName string
param dataStorageName string
param topicName string

resource app 'Microsoft.Web/sites@2025-03-01' existing = {
  name: appName
}

resource dataStorage 'Microsoft.Storage/storageAccounts@2025-08-01' existing = {
  name: dataStorageName
}

resource dataBlobs 'Microsoft.Storage/storageAccounts/blobServices@2025-08-01' existing = {
  parent: dataStorage
  name: 'default'
}

resource dataQueues 'Microsoft.Storage/storageAccounts/queueServices@2025-08-01' existing = {
  parent: dataStorage
  name: 'default'
}

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: topicName
}

// The newest API that knows destination tables and is published is this preview of 2021; the one released version, of
// 2016, has neither resource-specific tables nor category groups: hence the exceptions to the rule about old versions.
#disable-next-line use-recent-api-versions
resource appLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: app
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        // A second way for host faults: it needs no role of the app's identity, unlike Application Insights.
        category: 'FunctionAppLogs'
        enabled: true
      }
    ]
  }
}

#disable-next-line use-recent-api-versions
resource blobLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: dataBlobs
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'StorageWrite'
        enabled: true
      }
      {
        category: 'StorageDelete'
        enabled: true
      }
    ]
  }
}

#disable-next-line use-recent-api-versions
resource queueLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: dataQueues
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'StorageWrite'
        enabled: true
      }
    ]
  }
}

#disable-next-line use-recent-api-versions
resource topicLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: topic
  properties: {
    workspaceId: workspaceId
    logAnalyticsDestinationType: 'Dedicated'
    logs: [
      {
        category: 'DeliveryFailures'
        enabled: true
      }
    ]
  }
}
