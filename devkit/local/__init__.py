"""The local stack: Azurite, the app's host and the local Microsoft Graph as processes, and what stands between them."""
