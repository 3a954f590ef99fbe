"""The local stand-in for AWS: supervised child processes on loopback."""
