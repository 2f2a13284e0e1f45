"""AWS clients with an interlock: nothing undeclared, and nothing that writes, is ever sent."""
