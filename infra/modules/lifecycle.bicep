// What the data account forgets by itself. Checkpoints are never named here: a checkpoint is the proof of an attachment,
// and an unfinished one is the only way to resume. The host account has no rules at all.
// A rule is a cleaner, not a timer: a change takes up to a day to start, and runs come about once a day.

param storageAccountName string
param dropContainer string
param deadLetterContainer string

@description('Days after its last change that a dropped file is deleted; 0 keeps files for ever.')
param dropRetentionDays int

@description('Days that Event Grid\'s dead letters are kept.')
@minValue(1)
@maxValue(36500)
param deadLetterRetentionDays int

resource account 'Microsoft.Storage/storageAccounts@2025-08-01' existing = {
  name: storageAccountName
}

var deadLetterRule = {
  name: 'delete-old-dead-letters'
  enabled: true
  type: 'Lifecycle'
  definition: {
    filters: {
      blobTypes: ['blockBlob', 'appendBlob']
      prefixMatch: ['${deadLetterContainer}/']
    }
    actions: {
      baseBlob: {
        delete: {
          daysAfterModificationGreaterThan: deadLetterRetentionDays
        }
      }
    }
  }
}

var dropRule = {
  name: 'delete-old-drops'
  enabled: true
  type: 'Lifecycle'
  definition: {
    filters: {
      blobTypes: ['blockBlob']
      prefixMatch: ['${dropContainer}/']
    }
    actions: {
      baseBlob: {
        delete: {
          daysAfterModificationGreaterThan: dropRetentionDays
        }
      }
    }
  }
}

resource policy 'Microsoft.Storage/storageAccounts/managementPolicies@2025-08-01' = {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: dropRetentionDays > 0 ? [deadLetterRule, dropRule] : [deadLetterRule]
    }
  }
}
