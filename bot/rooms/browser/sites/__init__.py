"""Sites that the browser room joins, one small adapter each, chosen by the address; others come by an entry point."""
