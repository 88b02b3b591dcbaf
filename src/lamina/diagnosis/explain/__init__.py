"""Why a run is called what it is called: what took longer than usual, where, and what that cost."""
