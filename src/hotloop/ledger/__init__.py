"""Events of a session, the store that keeps them and the reports made from them."""
