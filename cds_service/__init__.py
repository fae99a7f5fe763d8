"""How the world talks to us: HTTP, FHIR, the command line."""
