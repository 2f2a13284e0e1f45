"""The commands of `postflight`: each module adds its parser, and does what it says."""
