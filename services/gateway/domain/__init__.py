"""Rules of the gateway: who somebody is and what they may do. Values in, values out."""
