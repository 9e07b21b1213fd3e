"""How long subjects take: sampling, opening, and what a record needs beside."""
