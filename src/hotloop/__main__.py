"""`python -m hotloop` is the console command."""

from hotloop.ui.entry import main

main()
