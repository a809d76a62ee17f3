# videostyle on the CPU:
#   docker build -t videostyle .
#   docker run --rm -v "$PWD:/media" --user "$(id -u):$(id -g)" videostyle run clip.mp4 style.jpg
# See NOTICE before you pass the image on: it contains x264 and x265, which are under the GPL.
FROM python:3.11-slim

# what opencv-python links against
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*

# uv knows where the CPU-only builds of PyTorch are
RUN pip install --no-cache-dir uv
ENV UV_SYSTEM_PYTHON=1 UV_NO_CACHE=1 UV_TORCH_BACKEND=cpu

COPY . /src
RUN uv pip install /src && rm -rf /src && videostyle doctor

# caches of downloaded weights go to HOME, whoever runs the container
RUN useradd --create-home videostyle && chmod 777 /home/videostyle
ENV HOME=/home/videostyle
USER videostyle

WORKDIR /media
ENTRYPOINT ["videostyle"]
CMD ["--help"]
