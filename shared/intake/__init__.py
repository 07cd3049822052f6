"""What people ask for: metadata or a request's body in, a checked target and attachment out."""
