//! FFmpeg reads a file from its URL, as media pipelines do.

use std::process::Stdio;

use files_tests::{Cloud, Owner, media};
use tokio::process::Command;

/// Returns the number of frames that FFmpeg decodes with these arguments before the output.
async fn frames(arguments: &[&str]) -> usize {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-nostdin"]).args(arguments).args(["-map", "0:v", "-f", "framecrc", "-"]);
    let output = ffmpeg.stdin(Stdio::null()).output().await.expect("ffmpeg runs");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().filter(|line| !line.starts_with('#')).count()
}

#[tokio::test]
async fn ffmpeg_reads_and_seeks_in_the_download_url() {
    let owner = Cloud::shared().await.owner().await;
    let file = owner.upload("clip.mp4", &media::MP4).await;
    let file = owner.wait_until_success(&file).await;
    let url = Owner::download_url(&file);

    let key = format!("X-API-KEY: {}\r\n", owner.key());
    assert_eq!(frames(&["-headers", &key, "-i", url]).await, 50);
    assert_eq!(frames(&["-headers", &key, "-ss", "1", "-i", url]).await, 25, "from the middle");

    let address = owner.get(&format!("{url}?redirect=false")).await.expect(200).json();
    let signed = address["url"].as_str().expect("a URL");
    assert_eq!(frames(&["-i", signed]).await, 50);
    assert_eq!(frames(&["-ss", "1", "-i", signed]).await, 25, "from the middle");
}
