"""What stands around the service: who may call, how much, how long; headers, log and figures."""
