"""The command line ``edgy-edge``: one module per subcommand."""
