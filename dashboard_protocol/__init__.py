"""The events, how they travel, and the page that shows them."""
