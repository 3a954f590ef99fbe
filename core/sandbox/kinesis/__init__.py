"""The sandbox's own Kinesis: a small, durable data plane over HTTP that keeps the real service's rules."""
