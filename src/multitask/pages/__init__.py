"""What people read: pages in HTML, Markdown and on the screen, and tables for spreadsheets."""
