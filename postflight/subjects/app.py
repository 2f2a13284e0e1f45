"""What the checks of tests_app see."""
