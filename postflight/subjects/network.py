"""What the checks of tests_network see."""
