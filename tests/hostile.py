"""What people and machines outside may send: one table, used by the tests of every edge that takes such a thing.

An edge is done when every row passes through it: taken for what it means, or refused by an error of our own.
"""

# -- names and texts of people ---------------------------------------------------------------------------------------

# -- rooms and addresses ---------------------------------------------------------------------------------------------

# -- requests: Host, Origin, addresses behind proxies ----------------------------------------------------------------

# -- what Redis may hold ---------------------------------------------------------------------------------------------

# -- SDP -------------------------------------------------------------------------------------------------------------

# -- pictures and video ----------------------------------------------------------------------------------------------
