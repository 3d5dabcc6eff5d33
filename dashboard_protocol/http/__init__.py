"""HTTP as every process of ours serves and asks it: server, Host check, proxies, bounds."""
