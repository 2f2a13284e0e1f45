pytest_plugins = ["postflight.plugin"]
