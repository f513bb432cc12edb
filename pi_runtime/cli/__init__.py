"""The ``edgy-edge`` command: one module per subcommand."""
