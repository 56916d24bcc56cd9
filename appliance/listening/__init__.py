"""How the ports are opened, and how much of a client's behaviour is borne."""
