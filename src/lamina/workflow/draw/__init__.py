"""Pictures of graphs: boxes and lines as text, Mermaid and SVG."""
