"""The ways out of the building: a file each. A channel sends one message once; when again is decided elsewhere."""
