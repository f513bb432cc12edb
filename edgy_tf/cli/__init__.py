"""The ``edgy`` command: one module per subcommand."""
