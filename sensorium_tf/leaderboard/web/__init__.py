"""What the leaderboard shows: the API for programs, the pages for people."""
