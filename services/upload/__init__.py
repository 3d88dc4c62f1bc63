"""Upload: resumable uploads, and the scanner that judges what arrived."""
