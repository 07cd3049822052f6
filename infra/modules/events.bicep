// The account's system topic. An account has at most one, and it must be in the account's region. Its own identity writes
// the dead letters: behind a firewall only a system-assigned one works. The subscription on it comes later, once the app
// has code (see ../subscription.bicep).

import { tagsByName } from 'types.bicep'

param topicName string
param location string
param tags tagsByName
param dataStorageName string

resource dataStorage 'Microsoft.Storage/storageAccounts@2025-08-01' existing = {
  name: dataStorageName
}

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: topicName
  location: location
  tags: tags
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    source: dataStorage.id
    topicType: 'Microsoft.Storage.StorageAccounts'
  }
}

output name string = topic.name
