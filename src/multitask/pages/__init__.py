"""Output for people: pages in HTML, in Markdown and on the screen, and tables."""
