"""What the results of many papers come to: edges, graphs, answers with votes, tables."""
