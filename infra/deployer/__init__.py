"""The steps of one tenant's deployment, over the Azure CLI. Standard library only; started by `deploy.sh`."""
