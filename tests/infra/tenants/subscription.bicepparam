// The second pass of a deployment, for the tests: the names are the ones that the first pass of the example returns.
using '../../../infra/subscription.bicep'

param appName = 'func-attachdrop-example-mgt5h'
param topicName = 'evgt-attachdrop-example'
param dataStorageName = 'stdropmgt5hjsro7jjg'
param dropContainer = 'drop'
param deadLetterContainer = 'deadletters'
