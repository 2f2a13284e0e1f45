"""What the checks of tests_infra see."""
