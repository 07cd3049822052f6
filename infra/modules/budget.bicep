// A mail when the month's bill grows past what was expected. It stops nothing.

param name string

@description('In the currency of the subscription\'s billing account.')
@minValue(1)
@maxValue(10000000)
param monthlyAmount int

@description('First day of the month in which the budget is made, as YYYY-MM-01. It can never be moved back.')
param startDate string

param contactEmails string[]

resource budget 'Microsoft.Consumption/budgets@2026-06-01' = {
  name: name
  properties: {
    category: 'Cost'
    amount: monthlyAmount
    timeGrain: 'Monthly'
    timePeriod: {
      startDate: startDate
    }
    notifications: {
      actualAbove80Percent: {
        enabled: true
        operator: 'GreaterThanOrEqualTo'
        threshold: 80
        thresholdType: 'Actual'
        contactEmails: contactEmails
      }
      forecastAbove100Percent: {
        enabled: true
        operator: 'GreaterThanOrEqualTo'
        threshold: 100
        thresholdType: 'Forecasted'
        contactEmails: contactEmails
      }
    }
  }
}
