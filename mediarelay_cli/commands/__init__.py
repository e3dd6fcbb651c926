"""One module per command. Each one registers its command with `mediarelay_cli.app`."""
