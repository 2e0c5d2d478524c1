"""What live traffic says: captures, statistics, verdict, and the job that reads much of it.

It may import aws, release, report and project.
"""
