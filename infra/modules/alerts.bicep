// Mail when something needs a person. All rules read logs: the metric QueueMessageCount is refreshed once a day, so that a
// metric alert on a poison queue would come a day late. The queries are files of their own (../alerts), so that a KQL
// parser can read them.

import { tagsByName } from 'types.bicep'

@description('What every rule\'s name begins with.')
param namePrefix string
param location string
param tags tagsByName
param workspaceId string
param deadLetterContainer string

@description('Seconds after which an unfinished transfer is stuck: longer than every wait that is meant.')
param stuckSeconds int

@description('Who gets the mail. At least one.')
param emails string[]

var rules = [
  {
    name: 'transfer-failed'
    dimensions: ['Code']
    severity: 2
    window: 'PT15M'
    remedy: 'A file was not attached. The transfer\'s error says why and what to do (GET /api/transfers?state=failed).'
    query: loadTextContent('../alerts/transfer-failed.kql')
  }
  {
    name: 'commit-in-doubt'
    dimensions: ['TransferId', 'When']
    severity: 1
    window: 'PT15M'
    remedy: 'A file may or may not be attached. Look at the Outlook item, then retry or cancel the transfer.'
    query: loadTextContent('../alerts/commit-in-doubt.kql')
  }
  {
    name: 'poison-message'
    dimensions: ['Found']
    severity: 1
    window: 'PT15M'
    remedy: 'Runs of a message failed five times, or their workers died. The app tries it for a day before its transfer fails (RUNS_FAILED): look at the exceptions of those minutes.'
    query: loadTextContent('../alerts/poison-message.kql')
  }
  {
    name: 'transfer-stuck'
    dimensions: ['TransferId']
    severity: 1
    window: 'PT30M'
    remedy: 'A transfer has not ended, and has waited longer than any wait that is meant. Look at it in the operator\'s page.'
    query: replace(loadTextContent('../alerts/transfer-stuck.kql'), '{stuckSeconds}', string(stuckSeconds))
  }
  {
    name: 'unreadable-state'
    dimensions: ['Code']
    severity: 1
    window: 'PT15M'
    remedy: 'A checkpoint or message is damaged, or written by a newer version. It is left as it is; look at it, or roll forward.'
    query: loadTextContent('../alerts/unreadable-state.kql')
  }
  {
    name: 'sweep-silent'
    dimensions: []
    severity: 1
    window: 'PT2H'
    remedy: 'The sweep timer has not succeeded for two hours: the app does not run, or its log does not arrive.'
    query: loadTextContent('../alerts/sweep-silent.kql')
  }
  {
    name: 'dead-letter'
    dimensions: ['ObjectKey']
    severity: 2
    window: 'PT30M'
    remedy: 'Event Grid could not deliver an event for a day. Its letter is in the dead-letter container.'
    query: replace(loadTextContent('../alerts/dead-letter.kql'), '{deadLetterContainer}', deadLetterContainer)
  }
  {
    name: 'delivery-failing'
    dimensions: ['EventSubscriptionName']
    severity: 2
    window: 'PT30M'
    remedy: 'Event Grid cannot reach the app. After a key change: infra/deploy.sh connect <tenant>.'
    query: loadTextContent('../alerts/delivery-failing.kql')
  }
]

resource operators 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: '${namePrefix}-operators'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'attachdrop'
    emailReceivers: [
      for (email, index) in emails: {
        name: 'operator-${index}'
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
  }
}

resource logRules 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = [
  for rule in rules: {
    name: '${namePrefix}-${rule.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: '${namePrefix}: ${rule.name}'
      severity: rule.severity
      enabled: true
      scopes: [workspaceId]
      evaluationFrequency: 'PT15M'
      windowSize: rule.window
      autoMitigate: true
      // A workspace makes some tables with their first row; the queries are checked by the tests instead.
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: 'Count'
            // One alert for each value: a second trouble sends its own mail while the first one's alert is still open.
            dimensions: map(rule.dimensions, name => {
              name: name
              operator: 'Include'
              values: ['*']
            })
            operator: 'GreaterThan'
            threshold: 0
            failingPeriods: {
              numberOfEvaluationPeriods: 1
              minFailingPeriodsToAlert: 1
            }
          }
        ]
      }
      actions: {
        actionGroups: [operators.id]
        // The mail carries these.
        customProperties: {
          remedy: rule.remedy
        }
      }
    }
  }
]
