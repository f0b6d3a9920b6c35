//! Labels: a key that the same label always gets.

use waybill::domain::{LabelFormat, LabelImage};
use waybill::ports::Labels;

use crate::database::Objects;
use crate::samples::admitted;

#[tokio::test]
async fn the_same_label_always_gets_the_same_key() {
    let (labels, job) = (Objects::default(), admitted("5012", "admit").job.id);
    let label = LabelImage {
        tracking_number: Some("1Z".to_owned()),
        format: LabelFormat::Zpl,
        bytes: b"^XA^XZ".to_vec(),
    };
    let first = Labels::put(&labels, &job, 0, &label).await.unwrap();
    assert_eq!(first.key, format!("labels/{job}/1Z.zpl"));
    assert_eq!(Labels::put(&labels, &job, 0, &label).await.unwrap(), first);
    assert_eq!(labels.0.lock().unwrap().len(), 1);
    assert_eq!(Labels::get(&labels, &first).await.unwrap(), label.bytes);
    labels.0.lock().unwrap().clear();
    let error = Labels::get(&labels, &first).await.unwrap_err();
    assert!(error.0.contains("no longer kept"), "{error}");
}
