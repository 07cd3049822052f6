// Second pass: Event Grid's subscription to the drop container. It needs the app's system key `blobs_extension`, which
// exists only once code with the blob trigger has been deployed and indexed; `deploy.sh` waits for it. The key is read
// here, inside the deployment: it is in no parameter, output, file or command line.
targetScope = 'resourceGroup'

@description('Name of the function app.')
param appName string

@description('Name of the data account\'s system topic.')
param topicName string

param dataStorageName string
param dropContainer string
param deadLetterContainer string

resource app 'Microsoft.Web/sites@2025-03-01' existing = {
  name: appName
}

resource dataStorage 'Microsoft.Storage/storageAccounts@2025-08-01' existing = {
  name: dataStorageName
}

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: topicName
}

// The blob trigger's webhook, not the destination type AzureFunction: that one is for Event Grid triggers.
var webhook = 'https://${app.properties.defaultHostName}/runtime/webhooks/blobs'
var key = listKeys('${app.id}/host/default', '2025-03-01').systemKeys.blobs_extension

resource blobDropped 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  parent: topic
  name: 'blob-dropped'
  properties: {
    eventDeliverySchema: 'EventGridSchema'
    destination: {
      endpointType: 'WebHook'
      properties: {
        endpointUrl: '${webhook}?functionName=Host.Functions.blob_dropped&code=${key}'
        // One event a call: the answer to a batch would decide about all of it.
        maxEventsPerBatch: 1
        minimumTlsVersionAllowed: '1.2'
      }
    }
    filter: {
      includedEventTypes: ['Microsoft.Storage.BlobCreated']
      // The trailing slash matters: without it the container drop-old would match as well.
      subjectBeginsWith: '/blobServices/default/containers/${dropContainer}/blobs/'
      isSubjectCaseSensitive: true
      advancedFilters: [
        {
          // Only calls that complete a file. With a hierarchical namespace CreateFile comes before the bytes.
          operatorType: 'StringIn'
          key: 'data.api'
          values: ['PutBlob', 'PutBlockList', 'CopyBlob', 'FlushWithClose']
        }
      ]
    }
    retryPolicy: {
      // Event Grid's own upper bounds: 30 tries within a day. After that the event goes to the dead-letter container.
      maxDeliveryAttempts: 30
      eventTimeToLiveInMinutes: 1440
    }
    deadLetterWithResourceIdentity: {
      identity: {
        type: 'SystemAssigned'
      }
      deadLetterDestination: {
        endpointType: 'StorageBlob'
        properties: {
          resourceId: dataStorage.id
          blobContainerName: deadLetterContainer
        }
      }
    }
  }
}

output name string = blobDropped.name
