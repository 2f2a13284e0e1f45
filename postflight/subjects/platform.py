"""What the checks of tests_platform see."""
